"""What of devstack its plugin needs, to run the plugin without devstack."""
