#!/usr/bin/env node
import '../dist/shoal.main.js'
