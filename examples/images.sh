#!/bin/sh
# A folder of images: photos/ with a folder for each class.
set -e
augkit images photos noisy-photos --std 0.1
augkit images photos more-photos --std 0.02..0.2 --noise student-t:df=3 --copies 3 --seed 7
augkit images photos low-light --noise sensor:full_well=10000,read_noise=5,gain=1..16 --labels copy
augkit images photos photos-c --preset 'imagenet-c/*'
