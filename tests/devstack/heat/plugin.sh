#!/bin/bash
#
# Of Heat's plugin: it makes its configuration anew in post-config.
if [[ "$1 $2" == "stack post-config" ]]; then
    rm -rf "$(dirname "$HEAT_CONF")"
    mkdir -p "$(dirname "$HEAT_CONF")"
    cp "$TOP_DIR/heat.conf" "$HEAT_CONF"
fi
