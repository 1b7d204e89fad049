"""Errors of what a request names in the cloud: images, flavors, networks and so on."""

from typing import Final

from magnum.api.errors.kinds import Kind

IMAGE_NOT_FOUND: Final = Kind(
    'magnum.image.not_found', 400,
    'Glance has no such image for the caller.',
    'List the images; give the id of one.',
)
IMAGE_AMBIGUOUS: Final = Kind(
    'magnum.image.ambiguous', 409,
    'Several images have this name.',
    'Use the id.',
)
IMAGE_FORBIDDEN: Final = Kind(
    'magnum.image.forbidden', 403,
    'Glance does not show the image to the caller.',
    'Ask the owner of the image to share it.',
)
IMAGE_WITHOUT_DISTRO: Final = Kind(
    'magnum.image.no_os_distro', 400,
    'The image has no property "os_distro", which decides the driver.',
    'Set the property on the image, or use one that has it.',
)
FLAVOR_NOT_FOUND: Final = Kind(
    'magnum.flavor.not_found', 400,
    'Nova has no such flavor for the caller.',
    'List the flavors; give the name or id of one.',
)
ZONE_NOT_FOUND: Final = Kind(
    'magnum.zone.not_found', 400,
    'Nova or Cinder has no such availability zone, or none that is available.',
    'The message names the zones that there are; give one of them, or none.',
)
VOLUME_TYPE_NOT_FOUND: Final = Kind(
    'magnum.volume_type.not_found', 400,
    'Cinder has no such volume type for the caller.',
    'The message names the types that there are; give one of them, or none.',
)
SERVICE_NOT_FOUND: Final = Kind(
    'magnum.cloud_service.not_found', 400,
    "The caller's catalogue has no service of the type that a label needs.",
    'Choose another value of the label, or ask the operator for the service.',
)
FLAVOR_WITHOUT_DISK: Final = Kind(
    'magnum.flavor.no_disk', 400,
    'The flavor has no disk, and the nodes would boot from it.',
    'Choose a flavor with a disk, or set the label "boot_volume_size".',
)
KEYPAIR_NOT_FOUND: Final = Kind(
    'magnum.keypair.not_found', 404,
    'The caller has no such key pair; key pairs belong to users, not to projects.',
    'List the key pairs with the same user, or make one.',
)
NETWORK_NOT_FOUND: Final = Kind(
    'magnum.network.not_found', 400,
    'Neutron has no such network for the caller.',
    'List the networks; for an external one it must be marked so.',
)
NETWORK_AMBIGUOUS: Final = Kind(
    'magnum.network.ambiguous', 409,
    'Several networks have this name.',
    'Use the id.',
)
SUBNET_NOT_FOUND: Final = Kind(
    'magnum.subnet.not_found', 400,
    'Neutron has no such subnet for the caller.',
    'List the subnets; give the id of one.',
)
SUBNET_OF_IPV6: Final = Kind(
    'magnum.subnet.of_ipv6', 400,
    'The subnet is of IPv6: nodes, pods and load balancers of bays have addresses of IPv4 alone.',
    'Give a subnet of IPv4.',
)
SUBNET_AMBIGUOUS: Final = Kind(
    'magnum.subnet.ambiguous', 409,
    'Several subnets have this name.',
    'Use the id.',
)
