#!/bin/sh
# Logged series in logs/: noise in the unit of each column, or relative to it.
set -e
augkit series logs noisy-logs --std 0.1sd
augkit series logs some-logs --std 0.05 --columns 'acc_*' --include '*.csv'
