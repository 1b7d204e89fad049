"""``openstack bay`` against a running ``magnum-api`` over a fake cloud."""
