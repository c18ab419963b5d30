#!/bin/sh -eu
# What there is of the old agents, and what moves it to Wayside. Nothing has been
# changed so far: read it, and run it step by step. Where manifests are kept
# elsewhere (Git, Helm), the same changes belong there.
#
#   nothing was found
