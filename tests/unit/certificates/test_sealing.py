import base64
import logging
import pathlib

import pytest
from oslo_config import cfg

from magnum.certificates import errors, sealing
from magnum.certificates.sealing import Sealer

OLD, NEW = (base64.b64decode(sealing.generate_key()) for _ in range(2))


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize('plaintext', [b'', b'secret', bytes(range(256)) * 100])
def test_opens_what_it_sealed(plaintext: bytes) -> None:
    sealed = Sealer([NEW]).seal(plaintext, 'here')
    assert Sealer([NEW]).unseal(sealed, 'here') == plaintext


def test_the_same_value_is_never_sealed_the_same() -> None:
    sealer = Sealer([NEW])
    assert sealer.seal(b'secret', 'here') != sealer.seal(b'secret', 'here')


def test_another_context_does_not_open() -> None:
    sealed = Sealer([NEW]).seal(b'secret', 'here')
    with pytest.raises(errors.SealBroken, match='there'):
        Sealer([NEW]).unseal(sealed, 'there')


@pytest.mark.parametrize('field', [2, 3, 4])
def test_a_changed_field_does_not_open(field: int) -> None:
    fields = Sealer([NEW]).seal(b'secret', 'here').split('.')
    fields[field] = ('A' if fields[field][0] != 'A' else 'B') + fields[field][1:]
    with pytest.raises(errors.SealBroken, match=rf'value of here .*\(key {fields[1]}\):'):
        Sealer([NEW]).unseal('.'.join(fields), 'here')


@pytest.mark.parametrize('text', ['', 'v1', 'v1.a.b', 'v1.a.b.c.d.e', 'v1.a.!.!.!', 'plain'])
def test_what_is_no_sealed_text_is_broken(text: str) -> None:
    with pytest.raises(errors.SealBroken, match='value of here cannot be opened: it was changed'):
        Sealer([NEW]).unseal(text, 'here')


def test_another_version_is_broken() -> None:
    sealed = Sealer([NEW]).seal(b'secret', 'here')
    with pytest.raises(errors.SealBroken, match='value of here cannot be opened'):
        Sealer([NEW]).unseal('v2' + sealed.removeprefix('v1'), 'here')


def test_a_newer_key_in_front_still_opens_old_values_and_seals_new_ones() -> None:
    sealed_before = Sealer([OLD]).seal(b'secret', 'here')
    rotated = Sealer([NEW, OLD])
    assert rotated.unseal(sealed_before, 'here') == b'secret'
    assert Sealer([NEW]).unseal(rotated.seal(b'secret', 'here'), 'here') == b'secret'


def test_a_removed_key_is_named_by_its_id_only() -> None:
    sealed = Sealer([OLD]).seal(b'secret', 'here')
    with pytest.raises(
        errors.EncryptionKeyUnknown, match=f'^here was sealed with the key {sealed.split(".")[1]},'
    ):
        Sealer([NEW]).unseal(sealed, 'here')


def test_a_token_is_the_same_for_the_same_salt_after_a_rotation() -> None:
    salt = Sealer([OLD]).new_salt()
    assert len(salt) <= 64
    token = Sealer([OLD]).derive_token(salt, 'here')
    assert len(token) == 43
    assert Sealer([NEW, OLD]).derive_token(salt, 'here') == token


def test_a_token_differs_by_salt_context_and_key() -> None:
    sealer = Sealer([NEW])
    salt = sealer.new_salt()
    key_id, _, random_part = Sealer([OLD]).new_salt().partition('.')
    tokens = {
        sealer.derive_token(salt, 'here'),
        sealer.derive_token(salt, 'there'),
        sealer.derive_token(sealer.new_salt(), 'here'),
        Sealer([OLD]).derive_token(f'{key_id}.{random_part}', 'here'),
    }
    assert len(tokens) == 4


def test_a_token_of_a_removed_key_is_an_error_and_no_other_token() -> None:
    with pytest.raises(errors.EncryptionKeyUnknown, match=r'^here was sealed'):
        Sealer([NEW]).derive_token(Sealer([OLD]).new_salt(), 'here')


def test_a_hash_of_a_removed_key_is_an_error() -> None:
    with pytest.raises(errors.EncryptionKeyUnknown, match='A stored hash was sealed with the key'):
        Sealer([NEW]).authenticate(Sealer([OLD]).new_salt(), 'token')


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(errors.EncryptionKeyInvalid):
        Sealer([b'short'])


def test_no_key_names_the_option(conf: cfg.ConfigOpts) -> None:
    conf.set_override('encryption_keys', [], 'certificates')
    with pytest.raises(errors.EncryptionKeyMissing, match=r'\[certificates\] encryption_keys'):
        Sealer.from_config(conf)


@pytest.mark.parametrize(
    'bad', ['not base64!', encoded(b'short'), encoded(NEW + NEW), 'é'],
    ids=['not base64', 'short', 'long', 'not ASCII'],
)
def test_a_malformed_key_is_named_by_its_place_not_its_text(conf: cfg.ConfigOpts, bad: str) -> None:
    conf.set_override('encryption_keys', [encoded(NEW), bad], 'certificates')
    with pytest.raises(errors.EncryptionKeyInvalid, match='Key 2 of') as caught:
        Sealer.from_config(conf)
    assert bad not in str(caught.value)


def test_keys_of_the_file_come_after_those_of_the_option(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / 'keys'
    file.touch(0o600)
    file.write_text(f'# from last year\n\n{encoded(OLD)}\n')
    conf.set_override('encryption_keys', [encoded(NEW)], 'certificates')
    conf.set_override('encryption_key_file', str(file), 'certificates')
    sealer = Sealer.from_config(conf)
    assert sealer.unseal(Sealer([OLD]).seal(b'secret', 'here'), 'here') == b'secret'
    assert Sealer([NEW]).unseal(sealer.seal(b'secret', 'here'), 'here') == b'secret'


def test_an_open_key_file_is_warned_of(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / 'keys'
    file.write_text(encoded(OLD))
    file.chmod(0o644)
    conf.set_override('encryption_key_file', str(file), 'certificates')
    with caplog.at_level(logging.WARNING):
        Sealer.from_config(conf)
    assert caplog.messages == [
        f'{file} is open to others than its owner (mode 0644); 0600 is safe.'
    ]


def test_a_closed_key_file_is_not_warned_of(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / 'keys'
    file.touch(0o600)
    file.write_text(encoded(OLD))
    conf.set_override('encryption_key_file', str(file), 'certificates')
    Sealer.from_config(conf)
    assert caplog.messages == []


@pytest.mark.parametrize(('content', 'said'), [
    (None, 'No such file or directory'), (b'\xff\xfe', 'it is not text'),
])
def test_an_unreadable_key_file_names_the_option(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / 'keys'
    if content:
        file.write_bytes(content)
    conf.set_override('encryption_key_file', str(file), 'certificates')
    with pytest.raises(
        errors.EncryptionKeyInvalid, match=f'encryption_key_file {file} cannot be read: {said}'
    ):
        Sealer.from_config(conf)


def test_nothing_shows_a_key(conf: cfg.ConfigOpts) -> None:
    sealer = Sealer([NEW])
    shown = f'{sealer!r} {vars(sealer)!r} {sealer.seal(b"secret", "here")}'
    assert encoded(NEW) not in shown
    assert repr(NEW) not in shown
    assert 'secret' not in shown
    assert Sealer([NEW]).new_salt().split('.')[0] not in NEW.hex()
