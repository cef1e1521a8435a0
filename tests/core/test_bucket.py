"""The command that prepares a bucket, as it is run once where Audiotext is hosted."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from local.servers import Servers

ROOT = Path(__file__).parents[2]


def prepare(**environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "webapp.core.bucket"]
    settings = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)


def test_it_makes_the_bucket_and_lets_only_our_pages_upload(servers: Servers) -> None:
    done = prepare(
        S3_BUCKET="hosted",
        PUBLIC_URL="https://audio.example.org/text",
        ALLOWED_ORIGINS="https://app.example.org",
    )
    assert done.returncode == 0, done.stderr
    client = boto3.client(
        "s3",
        endpoint_url=servers.s3.url,
        aws_access_key_id=servers.s3.key,
        aws_secret_access_key=servers.s3.secret,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    (rule,) = client.get_bucket_cors(Bucket="hosted")["CORSRules"]
    assert rule["AllowedOrigins"] == ["https://audio.example.org", "https://app.example.org"]
    rules = client.get_bucket_lifecycle_configuration(Bucket="hosted")["Rules"]
    expiring = {rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule}
    assert expiring == {"uploads/", "chunks/"}
    assert all(rule["Status"] == "Enabled" for rule in rules)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"PUBLIC_URL": "", "ALLOWED_ORIGINS": ""}, "PUBLIC_URL is needed"),
        ({"PUBLIC_URL": "https://a.example.org", "S3_SECRET_ACCESS_KEY": "wrong"}, "403"),
    ],
)
def test_it_says_what_is_wrong(servers: Servers, environment: dict[str, str], said: str) -> None:
    done = prepare(**environment)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
