#!/usr/bin/env node
import '../dist/shoal-trib.main.js'
