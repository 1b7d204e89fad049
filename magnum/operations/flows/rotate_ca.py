"""Another certificate authority for a bay."""

from magnum.operations.steps.authority import (
    await_introduction,
    await_retirement,
    await_switch,
    expect_nodes,
    introduce_authority,
    retire_authority,
    switch_authority,
)

START = (
    expect_nodes,
    introduce_authority,
    await_introduction,
    switch_authority,
    await_switch,
    retire_authority,
    await_retirement,
)
