#!/usr/bin/env bash
# Build an image of the stack: build.sh code|serving|recorder NAME. BASE is the image that it stands on, by its digest.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${BASE:?set BASE to an image with Python 3.11, such as docker.io/library/python:3.11-slim-bookworm@sha256:…}"
case "${1:?code, serving or recorder}" in
  code) installs="--no-dev --extra gcp --extra dataproc --extra postgres --extra k8s" ;;
  serving | recorder) installs="--only-group $1" ;;
  *) echo "there are code, serving and recorder, not $1" >&2; exit 2 ;;
esac
# Times of files are the commit's: the same source makes the same layers of our own files.
buildah build --timestamp "$(git log -1 --format=%ct)" --ignorefile deploy/images/.containerignore \
  --build-arg "BASE=$BASE" --build-arg "INSTALLS=$installs" ${SSL_CERT_FILE:+--build-arg SSL_CERT_FILE="$SSL_CERT_FILE" --volume "$SSL_CERT_FILE:$SSL_CERT_FILE:ro"} \
  --file deploy/images/Containerfile --tag "${2:?a name for the image}" ${BUILDAH_OPTIONS:-} .
