#!/usr/bin/env node
require('../dist/shoal.main.cjs')
