#!/usr/bin/env node
require('../dist/shoal-trib.main.cjs')
