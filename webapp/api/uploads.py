"""Where a recording begins: a signed way to send it to the storage."""

from litestar import post
from litestar.params import JSONBody

from webapp.api.schemas import NewUpload, UploadForm
from webapp.core import uploads
from webapp.visitors import Caller, TheHouse


@post("/uploads", operation_id="createUpload", summary="Prepare an upload")
async def create_upload(house: TheHouse, caller: Caller, data: JSONBody[NewUpload]) -> UploadForm:
    """Send the file straight to the storage as the answer says, then make a job of it."""
    upload, presigned = await uploads.prepare(house, caller, data.filename, data.content_type, data.size)
    return UploadForm.of(upload, presigned)
