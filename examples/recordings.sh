#!/bin/sh
# Recordings in speech/ at a target SNR.
set -e
augkit audio speech noisy-speech --snr 10
augkit audio speech any-speech --snr -5..20 --noise laplace --format wav
