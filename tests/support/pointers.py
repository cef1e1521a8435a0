"""Files that hold no sound of their own and point to some elsewhere: on this machine, or in a network."""

import struct
from pathlib import Path
from typing import NamedTuple

from tests.support.handmade import FLAC_BLOCK, flac_silence, flac_with, id3, id3_frame
from tests.support.handmade_films import SOUND, block, element, mkv, moov, mov, track


class Elsewhere(NamedTuple):
    """What they point to. The file also lies, under its bare name, where relative names lead."""

    file: Path
    tcp: str
    udp: str


def playlists(elsewhere: Elsewhere) -> dict[str, bytes]:
    file, name, tcp, udp = elsewhere.file, elsewhere.file.name, elsewhere.tcp, elsewhere.udp
    entries = {
        "a relative name": name,
        "a name one folder up": f"../{file.parent.name}/{name}",
        "an absolute path": str(file),
        "a file URL": f"file://{file}",
        "the file protocol": f"file:{file}",
        "the concat protocol": f"concat:{file}|{file}",
        "the subfile protocol": f"subfile,,start,0,end,0,,:{file}",
        "the crypto protocol": f"crypto:{file}",
        "the cache protocol": f"cache:{file}",
        "the async protocol": f"async:file:{file}",
        "http": f"http://{tcp}/a.ts",
        "tcp": f"tcp://{tcp}",
        "udp": f"udp://{udp}",
        "rtp": f"rtp://{udp}",
        "rtmp": f"rtmp://{tcp}/live/a",
        "ftp": f"ftp://{tcp}/a.ts",
        "gopher": f"gopher://{tcp}/0a",
        "a password": f"http://user:password@{tcp}/a.ts",
    }
    return {f"HLS with {what}": _hls(f"#EXTINF:9,\n{entry}") for what, entry in entries.items()} | {
        "HLS with a key": _hls(f'#EXT-X-KEY:METHOD=AES-128,URI="http://{tcp}/key"\n#EXTINF:9,\n{name}'),
        "HLS with a map": _hls(f'#EXT-X-MAP:URI="file://{file}"\n#EXTINF:9,\n{name}'),
        "HLS of HLS": _hls(f"#EXT-X-STREAM-INF:BANDWIDTH=9\nhttp://{tcp}/b.m3u8"),
        "HLS after a mark of byte order": b"\xef\xbb\xbf" + _hls(f"#EXTINF:9,\n{file}"),
        "M3U": f"{file}\nhttp://{tcp}/a.mp3\n".encode(),
        "PLS": f"[playlist]\nFile1={file}\nFile2=http://{tcp}/a.mp3\nNumberOfEntries=2\n".encode(),
        "XSPF": f"<?xml version='1.0'?><playlist xmlns='http://xspf.org/ns/0/'><trackList><track><location>"
        f"file://{file}</location></track></trackList></playlist>".encode(),
        "ASX": f'<asx version="3.0"><entry><ref href="http://{tcp}/a.wma"/></entry></asx>'.encode(),
        "CUE": f'FILE "{file}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'.encode(),
        "DASH": _dash(f"http://{tcp}/a.mp4"),
        "DASH of a file": _dash(f"file://{file}"),
        "SMIL": f'<smil><body><audio src="http://{tcp}/a.mp3"/></body></smil>'.encode(),
        "Smooth Streaming": f'<SmoothStreamingMedia Url="http://{tcp}/a"/>'.encode(),
        "VobSub": f"# VobSub index file, v7\nid: en, index: 0\n# {file}\n".encode(),
    }


def concat_scripts(elsewhere: Elsewhere) -> dict[str, bytes]:
    file, name, tcp = elsewhere.file, elsewhere.file.name, elsewhere.tcp
    scripts = {
        "a relative name": f"file {name}",
        "a quoted name": f"file '{name}'",
        "an absolute path": f"file {file}",
        "a file URL": f"file file://{file}",
        "the file protocol": f"file file:{file}",
        "a URL": f"file http://{tcp}/a.wav",
        "a stretch": f"file {name}\ninpoint 0\noutpoint 1",
        "options": f"file {name}\noption protocol_whitelist file,http,tcp\noption format_whitelist wav",
        "an image": f"file {file.parent}/%d.png\noption pattern_type glob",
        "many files": f"file {name}\n" * 500,
        "itself": "file recording",
    }
    return {
        f"a script with {what}": f"ffconcat version 1.0\n{text}\n".encode() for what, text in scripts.items()
    } | {"a script without its first line": f"file {file}\n".encode()}


def session_descriptions(elsewhere: Elsewhere) -> dict[str, bytes]:
    host, _, port = elsewhere.udp.partition(":")
    plain = f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\n"
    return {
        "SDP": f"{plain}m=audio {port} RTP/AVP 0\n".encode(),
        "SDP on a free port": f"{plain}m=audio 5004 RTP/AVP 0\n".encode(),
        "SDP of many": (plain + "".join(f"m=audio {5100 + 2 * n} RTP/AVP 0\n" for n in range(50))).encode(),
        "SDP to a group": f"{plain.replace(host, '239.1.2.3')}m=audio 5006 RTP/AVP 14\n".encode(),
        "SDP with control": f"{plain}m=audio 0 RTP/AVP 0\na=control:rtsp://{elsewhere.tcp}/a\n".encode(),
        "an RTSP address": f"rtsptext\nrtsp://{elsewhere.tcp}/a\n".encode(),
        "a SAP packet": b"\x20\0\0\0\x7f\0\0\1application/sdp\0" + plain.encode(),
    }


def inside_recordings(elsewhere: Elsewhere, mp3: bytes) -> dict[str, bytes]:
    """These do hold sound, or say that it lies in another file."""
    file, url = str(elsewhere.file).encode(), f"http://{elsewhere.tcp}/cover.jpg".encode()
    picture = struct.pack(">II3sIIIIII", 3, 3, b"-->", 0, 1, 1, 24, 0, len(url)) + url
    second = flac_silence(FLAC_BLOCK / 16_000 / 3600)
    linked = element("3C83AB", file) + element("3E83BB", file)
    return {
        "MOV in another file": mov(moov(2000, elsewhere=(b"url ", bytes(4) + b"file://" + file + b"\0"))),
        "MOV on a server": mov(moov(2000, elsewhere=(b"url ", bytes(4) + url + b"\0"))),
        "MOV behind an alias": mov(moov(2000, elsewhere=(b"alis", _alias(elsewhere.file)))),
        "Matroska between two others": mkv([track()], [block(SOUND)], more=linked),
        "FLAC with a picture elsewhere": flac_with(second, (6, picture)),
        "MP3 with a picture elsewhere": id3(id3_frame(b"APIC", b"\0-->\0\3\0" + url)) + mp3,
        "MP3 with a link": id3(id3_frame(b"WOAF", url), id3_frame(b"LINK", b"TIT2" + url + b"\0")) + mp3,
    }


def _hls(entry: str) -> bytes:
    return f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n{entry}\n#EXT-X-ENDLIST\n".encode()


def _dash(url: str) -> bytes:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet'
        f' mimeType="audio/mp4"><Representation id="1" bandwidth="9"><BaseURL>{url}</BaseURL><SegmentBase/>'
        "</Representation></AdaptationSet></Period></MPD>"
    ).encode()


def _alias(file: Path) -> bytes:
    """A Macintosh alias: volume, name and, as its entry 18, the path."""
    path = str(file).encode()
    head = struct.pack(">4xIHH", 0, 150, 2) + struct.pack(">H", 0) + b"\1/".ljust(28, b"\0")
    head += bytes(12) + bytes([len(file.name)]) + file.name.encode().ljust(63, b"\0")
    head = head.ljust(4 + 150, b"\0")
    entries = struct.pack(">HH", 2, len(path)) + path + b"\0" * (len(path) % 2)
    entries += struct.pack(">HH", 18, len(path)) + path + b"\0" * (len(path) % 2)
    return head + entries + struct.pack(">HH", 0xFFFF, 0)
