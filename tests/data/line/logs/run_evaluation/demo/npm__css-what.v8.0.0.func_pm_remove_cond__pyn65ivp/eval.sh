#!/bin/bash
set -uxo pipefail
cd /testbed
node_modules/.bin/vitest run
