"""Makes the bucket where there is none, and gives it its rules: `python -m webapp.core.bucket`."""

import sys
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from webapp.core.settings import Settings, SettingsError, get_settings
from webapp.core.storage import Storage


def origins(settings: Settings) -> list[str]:
    """From where browsers may send files to the bucket."""
    found = list(settings.allowed_origins)
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        found.insert(0, f"{parts.scheme}://{parts.netloc}")
    return found


def main() -> None:
    try:
        settings = get_settings()
        allowed = origins(settings)
        if not allowed:
            sys.exit("PUBLIC_URL is needed here: from its pages browsers send files to the bucket.")
        Storage(settings).prepare_bucket(allowed)
    except (SettingsError, ClientError, BotoCoreError) as problem:
        sys.exit(f"The bucket could not be prepared. {problem}")
    print(f"The bucket {settings.s3_bucket} takes files from {', '.join(allowed)}.")


if __name__ == "__main__":
    main()
