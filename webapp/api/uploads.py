"""Where a recording begins: a signed way to send it to the storage."""

from functools import partial
from uuid import UUID

from litestar import Response, post
from litestar.params import JSONBody

from webapp.api.idempotency import TheOnce, answer
from webapp.api.schemas import NewUpload, UploadForm
from webapp.core import uploads
from webapp.core.house import House
from webapp.core.idempotency import Made
from webapp.visitors import Caller, TheHouse


@post("/uploads", operation_id="createUpload", summary="Prepare an upload")
async def create_upload(
    house: TheHouse, caller: Caller, once: TheOnce, data: JSONBody[NewUpload]
) -> Response[UploadForm]:
    """Send the file straight to the storage as the answer says, then make a job of it."""
    return await once(partial(_made, house, caller, data))


async def _made(house: House, caller: UUID, wish: NewUpload) -> Made:
    upload, presigned = await uploads.prepare(house, caller, wish.filename, wish.content_type, wish.size)
    # As long as the form is good for something. Later, repeating the request is of use only if it makes
    # another one, and no harm is done: an upload that nobody sends a file to becomes nothing.
    return Made(answer(UploadForm.of(upload, presigned)), upload.id, house.settings.upload_expires_s)
