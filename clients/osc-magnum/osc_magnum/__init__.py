"""OpenStackClient plugin for Magnum: bays, their operations, events and previews."""
