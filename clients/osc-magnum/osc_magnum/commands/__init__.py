"""Commands of ``openstack``: one module per resource."""
