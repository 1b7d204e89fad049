"""[cluster_template]: what baymodels may ask for."""

from oslo_config import cfg

GROUP = cfg.OptGroup('cluster_template', title='What baymodels may ask for')

_COES = ('kubernetes', 'swarm', 'mesos')

OPTIONS = [
    *(
        cfg.ListOpt(
            f'{coe}_allowed_network_drivers',
            default=['all'],
            help=f'Network drivers that {coe} baymodels may name; "all" stands for every one '
            'that their driver supports.',
        )
        for coe in _COES
    ),
    *(
        cfg.StrOpt(
            f'{coe}_default_network_driver',
            help=f"Network driver of {coe} baymodels that name none; by default the driver's "
            'first.',
        )
        for coe in _COES
    ),
]
