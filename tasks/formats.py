"""The containers and codecs that are opened, and no others."""

FORMATS = (
    "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,aiff,amr,asf,caf,au,mpegts,avi,"
    "flv,mpeg,ac3,eac3"
)
CODECS = (
    "aac,aac_latm,ac3,eac3,alac,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,"
    "dca,flac,gsm,gsm_ms,mp1,mp1float,mp2,mp2float,mp3,mp3float,nellymoser,"
    "opus,libopus,speex,truehd,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,"
    "wmav2,wmavoice,g722,g726,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,"
    "adpcm_yamaha,pcm_alaw,pcm_bluray,pcm_dvd,pcm_f32be,pcm_f32le,pcm_f64be,"
    "pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,"
    "pcm_s24be,pcm_s24le,pcm_s24le_planar,pcm_s32be,pcm_s32le,pcm_s32le_planar,"
    "pcm_s8,pcm_s8_planar,pcm_u8"
)
# The codec list also keeps video decoders, the larger target, away while a file is probed.
OPTIONS = {
    "format_whitelist": FORMATS,
    "codec_whitelist": CODECS,
    "protocol_whitelist": "file",
}
# The others' times are only counted packets: they cannot know of a pause.
CLOCKED = ("matroska", "mov", "ogg", "mpegts", "asf", "flv", "mpeg")
