#!/bin/bash
#
# The devstack plugin: which function of lib/magnum is called in which phase.
# devstack sources it as: plugin.sh stack|unstack|clean [PHASE]

_XTRACE_MAGNUM_PLUGIN=$(set +o | grep xtrace)
set +o xtrace

# shellcheck source=devstack/lib/magnum
source "$MAGNUM_DIR/devstack/lib/magnum"

if is_magnum_enabled; then
    case "$1 ${2:-}" in
        "stack pre-install")
            check_magnum_settings
            ;;
        "stack install")
            echo_summary "Installing Magnum"
            install_magnum
            install_magnum_clients
            install_magnum_ui
            configure_keystone_for_magnum
            ;;
        "stack post-config")
            echo_summary "Configuring Magnum"
            configure_heat_for_magnum
            configure_magnum
            create_magnum_accounts
            configure_magnum_ui
            ;;
        "stack extra")
            echo_summary "Starting Magnum"
            init_magnum
            start_magnum
            upload_magnum_image
            ;;
        "stack test-config")
            configure_tempest_for_magnum
            ;;
        "unstack ")
            stop_magnum
            ;;
        "clean ")
            cleanup_magnum
            ;;
    esac
fi

$_XTRACE_MAGNUM_PLUGIN
