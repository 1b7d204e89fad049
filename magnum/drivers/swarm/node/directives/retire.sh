#!/bin/bash
# Take managers out of the swarm for good. They are there yet, or lost.
#
# May be killed anywhere, and told again.
# roles: master
set -euo pipefail

# One that leads gives that to another one when it is demoted.
exec "${0%/*}/remove.sh"
