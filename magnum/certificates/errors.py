"""What can go wrong with certificates; no message holds a secret."""


class CertificateError(Exception):
    """Ground of the errors that a caller may turn into an answer."""


class InvalidCSR(CertificateError):
    """A signing request that nobody may have signed: the caller's to mend.

    :param reason: what is wrong with it, for the user.
    """

    def __init__(self, reason: str):
        super().__init__(f'Received invalid csr: {reason}')


class ExtensionRefused(InvalidCSR):
    """A request insists on (marks critical) an extension that is not allowed.

    :param extension: its name, as ``[x509] allowed_extensions`` writes it.
    :param reason: how the sentence about it ends.
    """

    def __init__(self, extension: str, reason: str = 'not allowed'):
        CertificateError.__init__(self, f"Extension '{extension}' {reason}")


class SubjectRefused(CertificateError):
    """The caller's roles do not reach as far as the subject asked for.

    :param subject: the subject, RFC 4514 text.
    :param rule: the rule that was not met, as the configuration writes it.
    """

    def __init__(self, subject: str, rule: str):
        super().__init__(f"Subject '{subject}' refused by the rule '{rule}'")


class AuthorityMissing(CertificateError):
    """The bay has no authority (yet)."""

    def __init__(self, bay_uuid: str):
        super().__init__(f'Bay {bay_uuid} has no certificate authority.')


class AuthorityExpired(CertificateError):
    """The bay's authority is too old to sign; it has to be rotated."""

    def __init__(self) -> None:
        super().__init__('The certificate authority of the bay has expired.')


class SealingError(Exception):
    """A fault of the operator's keys or of a sealed value: never a user's."""


class EncryptionKeyMissing(SealingError):
    """The operator has configured no key."""

    def __init__(self) -> None:
        super().__init__(
            'No key to seal secrets with: set [certificates] encryption_keys or '
            'encryption_key_file (a key is base64 of 32 random bytes).'
        )


class EncryptionKeyInvalid(SealingError):
    """A configured key is no base64 of 32 bytes, or its file cannot be read."""


class EncryptionKeyUnknown(SealingError):
    """Something was sealed with a key that is configured no longer.

    :param context: what was sealed: the row, as the sealed value knows it.
    """

    def __init__(self, key_id: str, context: str):
        super().__init__(
            f'{context} was sealed with the key {key_id}, which is not among [certificates] '
            'encryption_keys and encryption_key_file.'
        )


class SealBroken(SealingError):
    """A sealed value was changed, or belongs to another context."""

    def __init__(self, context: str, key_id: str | None = None):
        key = f' (key {key_id})' if key_id else ''
        super().__init__(
            f'The sealed value of {context} cannot be opened{key}: it was changed, or is '
            "another row's."
        )
