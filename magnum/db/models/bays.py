"""Tables of baymodels, and of bays with their node groups."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from magnum.db.inheritance import copy_of
from magnum.db.models.base import Base, Name, new_uuid, options


class Baymodel(Base):
    """A kind of bay (clients of today say cluster template)."""

    __tablename__ = 'baymodel'
    __table_args__ = options(
        sa.Index('ix_baymodel_project_name', 'project_id', 'name'),
        sa.Index('ix_baymodel_project_created', 'project_id', 'created_at'),
        sa.Index('ix_baymodel_public', 'public', 'hidden'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=new_uuid, unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    coe: Mapped[str] = mapped_column(sa.String(255))
    server_type: Mapped[str] = mapped_column(sa.String(255), default='vm')
    image_id: Mapped[str] = mapped_column(sa.String(255))
    cluster_distro: Mapped[str | None] = mapped_column(sa.String(255))
    driver: Mapped[str | None] = mapped_column(sa.String(255))
    flavor_id: Mapped[str | None] = mapped_column(sa.String(255))
    master_flavor_id: Mapped[str | None] = mapped_column(sa.String(255))
    keypair_id: Mapped[str | None] = mapped_column(sa.String(255))
    external_network_id: Mapped[str | None] = mapped_column(sa.String(255))
    fixed_network: Mapped[str | None] = mapped_column(sa.String(255))
    fixed_subnet: Mapped[str | None] = mapped_column(sa.String(255))
    network_driver: Mapped[str | None] = mapped_column(sa.String(255))
    volume_driver: Mapped[str | None] = mapped_column(sa.String(255))
    dns_nameserver: Mapped[str | None] = mapped_column(sa.String(255))
    apiserver_port: Mapped[int | None] = mapped_column(sa.Integer)
    docker_volume_size: Mapped[int | None] = mapped_column(sa.Integer)
    docker_storage_driver: Mapped[str | None] = mapped_column(sa.String(255))
    http_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    https_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    no_proxy: Mapped[str | None] = mapped_column(sa.String(255))
    insecure_registry: Mapped[str | None] = mapped_column(sa.String(255))
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    tags: Mapped[str | None] = mapped_column(sa.String(255))
    tls_disabled: Mapped[bool] = mapped_column(default=False)
    registry_enabled: Mapped[bool] = mapped_column(default=False)
    master_lb_enabled: Mapped[bool] = mapped_column(default=False)
    floating_ip_enabled: Mapped[bool] = mapped_column(default=True)
    public: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    generation: Mapped[int] = mapped_column(default=1)


class Bay(Base):
    """A bay (clients of today say cluster)."""

    __tablename__ = 'bay'
    __table_args__ = options(
        sa.Index('ix_bay_project_name', 'project_id', 'name'),
        sa.Index('ix_bay_project_status', 'project_id', 'status'),
        sa.Index('ix_bay_project_created', 'project_id', 'created_at'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=new_uuid, unique=True)
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    user_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    # The foreign key, not a check, keeps a baymodel in use from going away.
    baymodel_id: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('baymodel.uuid', ondelete='RESTRICT'), index=True
    )
    driver: Mapped[str | None] = mapped_column(sa.String(255))
    keypair: Mapped[str | None] = mapped_column(sa.String(255))
    ssh_public_key: Mapped[str | None] = mapped_column(sa.Text)
    flavor_id: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of(worker='flavor_id'))
    master_flavor_id: Mapped[str | None] = mapped_column(
        sa.String(255), info=copy_of(master='master_flavor_id')
    )
    docker_volume_size: Mapped[int | None] = mapped_column(
        sa.Integer, info=copy_of('docker_volume_size')
    )
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # Labels that the operator's options stood for when the bay was made; null: none.
    presets: Mapped[dict[str, str] | None] = mapped_column(sa.JSON(none_as_null=True))
    fixed_network: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('fixed_network'))
    fixed_subnet: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('fixed_subnet'))
    floating_ip_enabled: Mapped[bool] = mapped_column(
        default=True, info=copy_of('floating_ip_enabled')
    )
    master_lb_enabled: Mapped[bool] = mapped_column(
        default=False, info=copy_of('master_lb_enabled')
    )
    # Attributes of the baymodel that the bay was made with and upgrades leave; null: none.
    kept: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    create_timeout: Mapped[int | None] = mapped_column(sa.Integer)  # minutes
    discovery_url: Mapped[str | None] = mapped_column(sa.String(255))
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    template_version: Mapped[str | None] = mapped_column(sa.String(255))
    #: What the cluster knows outlives the servers of its masters; null: not known.
    is_lasting: Mapped[bool | None] = mapped_column(sa.Boolean)
    api_address: Mapped[str | None] = mapped_column(sa.String(255))
    coe_version: Mapped[str | None] = mapped_column(sa.String(255))
    container_version: Mapped[str | None] = mapped_column(sa.String(255))
    status: Mapped[str] = mapped_column(sa.String(20))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    health_status: Mapped[str | None] = mapped_column(sa.String(20))
    health_status_reason: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    # What its nodes' reports come to, by name; null: none of them reports.
    conditions: Mapped[dict[str, dict[str, str]] | None] = mapped_column(
        sa.JSON(none_as_null=True)
    )
    generation: Mapped[int] = mapped_column(default=1)


class Nodegroup(Base):
    """Equal nodes of a bay; owns their count, flavor and image."""

    __tablename__ = 'nodegroup'
    __table_args__ = options(
        sa.UniqueConstraint('bay_uuid', 'name', name='uq_nodegroup_bay_name'),
    )

    uuid: Mapped[str] = mapped_column(sa.String(36), default=new_uuid, unique=True)
    bay_uuid: Mapped[str] = mapped_column(
        sa.String(36), sa.ForeignKey('bay.uuid', ondelete='CASCADE')
    )
    project_id: Mapped[str | None] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(Name)
    role: Mapped[str] = mapped_column(sa.String(255))
    is_default: Mapped[bool] = mapped_column(default=False)
    image_id: Mapped[str | None] = mapped_column(sa.String(255), info=copy_of('image_id'))
    flavor_id: Mapped[str | None] = mapped_column(
        sa.String(255), info=copy_of(master='master_flavor_id', worker='flavor_id')
    )
    docker_volume_size: Mapped[int | None] = mapped_column(
        sa.Integer, info=copy_of('docker_volume_size')
    )
    labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    node_labels: Mapped[dict[str, str]] = mapped_column(sa.JSON, default=dict)
    node_taints: Mapped[list[dict[str, str]]] = mapped_column(sa.JSON, default=list)
    node_count: Mapped[int] = mapped_column(default=1)
    min_node_count: Mapped[int] = mapped_column(default=0)
    max_node_count: Mapped[int | None] = mapped_column(sa.Integer)
    node_addresses: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    stack_id: Mapped[str | None] = mapped_column(sa.String(255))
    template_version: Mapped[str | None] = mapped_column(sa.String(255))
    # What a baymodel had that the group followed last, where that is not the bay's.
    followed: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    # Rises when the nodes are to be replaced.
    revision: Mapped[int] = mapped_column(default=0, server_default='0')
    status: Mapped[str | None] = mapped_column(sa.String(20))
    status_reason: Mapped[str | None] = mapped_column(sa.Text)
    version: Mapped[str | None] = mapped_column(sa.String(20))
    generation: Mapped[int] = mapped_column(default=1)
