#!/usr/bin/env node
import '../dist/shoal-server.main.js'
