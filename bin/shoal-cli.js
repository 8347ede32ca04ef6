#!/usr/bin/env node
import '../dist/shoal-cli.main.js'
