# syntax=docker/dockerfile:1
# One image for every service and tool: the program decides by its first argument which one it is.

# The image brings its own toolchain: .dockerignore leaves rust-toolchain.toml out, so that rustup fetches no other.
FROM rust:1.95-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /minuet
COPY . .
# The caches are no part of the image, so the program is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/minuet/target \
    cargo build --locked --release --no-default-features --bin minuet \
    && cp target/release/minuet /usr/local/bin/minuet

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin minuet
COPY --from=build /usr/local/bin/minuet /usr/local/bin/minuet
USER 10001
WORKDIR /
ENTRYPOINT ["minuet"]
