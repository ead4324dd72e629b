"""The files that are never sent, whatever a recipe includes: known by name, before they are opened."""

import re
from fnmatch import translate

# Where programs keep logins and private keys. Names that only might hold a secret are not here: their text is
# scanned before it is sent.
_ANYWHERE = (".env*", ".git", ".gnupg", ".ssh")
_FILES = (
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk"),
    *("*.jks", "*.keystore", "*.kdbx", "*.ovpn", "*.tfstate", "*.tfstate.*"),
    *(".netrc", "_netrc", ".npmrc", ".yarnrc.yml", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd"),
    *(".git-credentials", ".dockercfg", ".terraformrc", ".boto", ".s3cfg", ".vault-token", "kubeconfig"),
    *("credentials", "credentials.json", ".credentials.json", "client_secret*.json", "service_account*.json"),
    *("service-account*.json", "application_default_credentials.json", "secrets.toml", "master.key"),
)
_ENDS = (".docker/config.json", ".kube/config", ".aws/config")

_FOLDER = re.compile("|".join(map(translate, _ANYWHERE)), re.IGNORECASE)
_FILE = re.compile("|".join(map(translate, (*_ANYWHERE, *_FILES))), re.IGNORECASE)


def is_credential(path: str) -> bool:
    """Whether the '/'-separated path is that of a credential or key file, or lies in a folder of such."""
    *folders, name = path.split("/")
    return (
        _FILE.fullmatch(name) is not None
        or any(_FOLDER.fullmatch(folder) for folder in folders)
        or f"/{path.lower()}".endswith(tuple(f"/{end}" for end in _ENDS))
    )
