# One static binary in an otherwise empty image: no shell, no user database, and no
# CA store (the program bundles Mozilla's roots; SSL_CERT_FILE can add others).
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t wait-ready .
#   docker run --rm --read-only -e FAL_KEY wait-ready inst_abc --timeout 10m

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build

# musl, so that it is static and runs in an empty image; packed relocations make it smaller.
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools && \
    rm -rf /var/lib/apt/lists/* && \
    rustup target add "$(uname -m)-unknown-linux-musl"
ENV RUSTFLAGS="-C link-arg=-Wl,-z,pack-relative-relocs"

# The dependencies alone, against an empty crate: this layer, nearly all of the build's
# time, is rebuilt only when the manifest or the lock file changes.
COPY Cargo.toml Cargo.lock ./
# Examples and tests that the manifest names would have to exist, and are not needed.
RUN set -eu; \
    sed -i '/^\[\[\(example\|test\|bench\)\]\]$/,/^$/d' Cargo.toml; \
    mkdir src; \
    echo '//! Stands in while the dependencies are built.' > src/lib.rs; \
    { cat src/lib.rs; echo 'fn main() {}'; } > src/main.rs; \
    cargo build --release --locked --target "$(uname -m)-unknown-linux-musl"

COPY src src
# Cargo compares modification times, and the real sources may be older than the stand-in.
RUN set -eu; \
    touch src/lib.rs src/main.rs; \
    cargo build --release --locked --target "$(uname -m)-unknown-linux-musl"; \
    cp "target/$(uname -m)-unknown-linux-musl/release/wait-ready" /wait-ready


FROM scratch
COPY --from=build /wait-ready /wait-ready
# By number: there is no /etc/passwd, and Kubernetes' runAsNonRoot accepts nothing else.
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/wait-ready"]

ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="wait-ready" \
      org.opencontainers.image.description="Waits until a GPU instance of fal's Compute API is ready and prints its IP" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
