"""From a wish to upload to a signed form, under a key of our choice."""

import re
from uuid import UUID

import msgspec

from webapp.core.bucket_rules import INCOMING
from webapp.core.clock import later, now
from webapp.core.errors import Invalid, NotFound, TooLarge, UnsupportedType
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.names import display_name, extension
from webapp.core.options import WantedOptions, settle
from webapp.core.settings import Settings
from webapp.core.storage import Presigned
from webapp.core.tables import Upload

# What the object is stored as when nobody knows what it will be. Decoding it tells.
ANY_TYPE = "application/octet-stream"
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,80}")
# Types that some systems give to recordings though they begin with neither audio/ nor video/.
_ODD_TYPES = {ANY_TYPE, "application/ogg", "application/mp4", "application/x-matroska", ""}


async def prepare(
    house: House, owner: UUID, filename: str, content_type: str, size: int, *, method: str | None = None
) -> tuple[Upload, Presigned]:
    """Signs one upload of exactly `size` bytes, by the method of the settings unless another is named."""
    name, content_type = check(house.settings, filename, content_type, size)
    upload = _promise(house.settings, owner, name, content_type, size, WantedOptions())
    await Upload.insert(upload)
    if (method or house.settings.s3_upload_method) == "put":
        return upload, house.storage.presign_put(upload.key, upload.content_type, size)
    return upload, house.storage.presign_post(upload.key, upload.content_type, (size, size))


async def prepare_form(
    house: House, owner: UUID, title: str, options: WantedOptions, way_back: str
) -> tuple[Upload, Presigned]:
    """Signs a plain form: the file is chosen later, so its name, type and size are not known yet.

    The store sends the browser to `way_back` + the upload's id when it has the file.
    """
    settled = check_form(house.settings, options)
    name = display_name(title)
    upload = _promise(house.settings, owner, name, ANY_TYPE, None, settled)
    await Upload.insert(upload)
    return upload, sign_form(house, upload, way_back)


def sign_form(house: House, upload: Upload, way_back: str) -> Presigned:
    sizes = (1, house.settings.max_upload_bytes)
    return house.storage.presign_post(upload.key, upload.content_type, sizes, f"{way_back}{upload.id}")


async def find(owner: UUID, upload: UUID) -> Upload:
    found = await Upload.objects().where(Upload.id == upload, Upload.owner == owner).first()
    if found is None:
        raise NotFound("There is no such upload. Start it again.", code="upload_not_found")
    return found


async def find_by_key(owner: UUID, key: str) -> Upload:
    found = await Upload.objects().where(Upload.key == key, Upload.owner == owner).first()
    if found is None:
        raise NotFound("There is no such upload. Start it again.", code="upload_not_found")
    return found


def options_of(upload: Upload) -> WantedOptions:
    return msgspec.json.decode(upload.options, type=WantedOptions)


def check(settings: Settings, filename: str, content_type: str, size: int) -> tuple[str, str]:
    """Refuses what cannot be a recording, and returns name and type as we will keep them."""
    name = display_name(filename)
    content_type = content_type.partition(";")[0].strip().lower()
    formats = settings.allowed_formats
    if extension(name) not in formats or not _plausible(content_type):
        raise UnsupportedType(
            "This does not look like a recording. Accepted are: " + ", ".join(formats) + ".",
            field="filename",
        )
    if size <= 0:
        raise Invalid("The file is empty. Choose one with sound in it.", code="empty_file", field="size")
    if size > settings.max_upload_bytes:
        raise TooLarge(
            f"The file is larger than the {settings.max_upload_mb:,} MB that this server takes."
            " Split it, or save it as MP3 or Opus.",
            field="size",
        )
    return name, content_type or ANY_TYPE


def check_form(settings: Settings, options: WantedOptions) -> WantedOptions:
    """The options as they can be kept: settled, and without what the database cannot store."""
    if settings.s3_upload_method != "post":
        raise Invalid("This server's storage takes no plain forms. Please switch JavaScript on.")
    return WantedOptions(**msgspec.structs.asdict(settle(options, settings)))


def _plausible(content_type: str) -> bool:
    """It is stored with the object and sent back in a header, so it must be a type and nothing else."""
    if content_type and not _TYPE.fullmatch(content_type):
        return False
    return content_type.startswith(("audio/", "video/")) or content_type in _ODD_TYPES


def _promise(
    settings: Settings,
    owner: UUID,
    name: str,
    content_type: str,
    size: int | None,
    options: WantedOptions,
) -> Upload:
    upload = new_id()
    return Upload(
        id=upload,
        owner=owner,
        key=f"{INCOMING}{owner}/{upload}",
        filename=name,
        content_type=content_type,
        size=size,
        options=msgspec.json.encode(options).decode(),
        created_at=now(),
        expires_at=later(seconds=settings.upload_expires_s),
    )
