#!/usr/bin/env bash
# Compiles tests/clients/Client.java, unless that is done, and prints its class path. Maven fetches the client it uses.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/build/tools/java-client
if [[ ! -e $folder/jars || tests/clients/pom.xml -nt $folder/jars ]]; then
    echo "Fetching the Java client" >&2
    rm -rf "$folder/jars"
    if ! mvn --quiet --batch-mode --file tests/clients/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$folder/fetched" >&2; then
        echo "The Java client could not be fetched from Maven's repository: it is tested where there is a network" >&2
        exit 1
    fi
    mv "$folder/fetched" "$folder/jars"
    touch "$folder/jars"
fi
if [[ ! -e $folder/Client.class || tests/clients/Client.java -nt $folder/Client.class ]]; then
    javac -Xlint:all -Werror -cp "$folder/jars/*" -d "$folder" tests/clients/Client.java >&2
fi
echo "$folder:$folder/jars/*"
