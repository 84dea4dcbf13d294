#!/usr/bin/env bash
# Compiles tests/clients/Client.java and readers/Read.java, unless that is done, and prints their class path. Maven fetches
# the client they use.
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
for source in tests/clients/Client.java tests/clients/readers/Read.java; do
    class=$folder/$(basename "$source" .java).class
    if [[ ! -e $class || $source -nt $class ]]; then
        javac -Xlint:all -Werror -cp "$folder/jars/*" -d "$folder" "$source" >&2
    fi
done
echo "$folder:$folder/jars/*"
