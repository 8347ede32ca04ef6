#!/usr/bin/env node
require('../dist/shoal-server.main.cjs')
