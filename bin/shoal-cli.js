#!/usr/bin/env node
require('../dist/shoal-cli.main.cjs')
