"""Gets the sound of a recording, or of one chunk, to where a child can read it."""

from contextlib import aclosing
from pathlib import Path

from tasks.child import Decoder
from tasks.crew import Crew
from tasks.limits import within_limits
from tasks.protocol import CutOut, Failed
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.leases import ChunkClaim
from webapp.core.tables import Job


async def fetch_recording(house: House, job: Job, folder: Path) -> Path:
    """The name is ours and has no extension: nothing about it may steer the decoder."""
    path = folder / "recording"
    if not await house.storage.download(job.object_key, path, job.object_etag):
        raise JobFailed(
            "upload_missing", "The recording is gone from the storage. Upload it again.", permanent=True
        )
    return path


async def fetch_chunk(house: House, crew: Crew, claim: ChunkClaim, folder: Path) -> Path:
    """As it was stored; or, where it never was or no longer is, out of the recording once more."""
    path, key = folder / "chunk.flac", claim.chunk.audio_key
    if key and await house.storage.download(key, path):
        return path
    recording = await fetch_recording(house, claim.job, folder)
    async with crew.any_decoder() as decoder:
        await _cut_out(house, decoder, claim, _stretch(claim, recording, path))
    return path


async def _cut_out(house: House, decoder: Decoder, claim: ChunkClaim, request: CutOut) -> None:
    async with (
        aclosing(decoder.cut(request)) as replies,
        aclosing(within_limits(house, replies, lambda: claim.chunk.end)) as limited,
    ):
        async for reply in limited:
            if isinstance(reply, Failed):
                raise JobFailed(reply.code, reply.message, permanent=reply.permanent)


def _stretch(claim: ChunkClaim, recording: Path, target: Path) -> CutOut:
    return CutOut(path=recording, target=target, start=claim.chunk.start, end=claim.chunk.end)
