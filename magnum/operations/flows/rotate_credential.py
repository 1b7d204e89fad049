"""A new password for the bay's own Keystone user."""

from magnum.operations.steps.credential import (
    add_password,
    change_password,
    drop_old_password,
    prove_password,
)

START = (add_password, change_password, prove_password, drop_old_password)
