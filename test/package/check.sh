#!/usr/bin/env bash
# What a stranger has after `npm i skysocket`: the tarball in an empty project, in TypeScript and in CommonJS. Part of the gate.
set -euo pipefail
cd "$(dirname "$0")/../.."
repository=$PWD
projects=$repository/test/package/projects
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" >/dev/null
tarball=$(echo "$work"/skysocket-*.tgz)
npx publint --strict "$tarball"
# Without node10, whose resolution knows no `exports`.
npx attw --profile node16 --no-emoji --format ascii "$tarball"

# A function's share, alone: neither the CDK nor a native addon.
mkdir "$work/function" && cd "$work/function"
npm init -y >/dev/null
npm i --silent --no-audit --no-fund --prefer-offline "$tarball"
for unwanted in aws-cdk-lib esbuild dynalite classic-level; do
  [ ! -e "node_modules/$unwanted" ] || { echo "a function installs $unwanted" >&2; exit 1; }
done
echo "a function installs $(du -sm node_modules | cut -f1) MB"

# A project with everything. What is downloaded for the repository serves it: the same versions.
cp -r "$projects" "$work/projects" && cd "$work/projects"
version() { node -p "require('$repository/node_modules/$1/package.json').version"; }
packages=("$tarball")
for name in aws-cdk aws-cdk-lib constructs esbuild socket.io-client typescript @types/node; do
  packages+=("$name@$(version "$name")")
done
npm i --silent --no-audit --no-fund --prefer-offline "${packages[@]}"

for resolution in node16 nodenext bundler; do
  module=$resolution
  [ "$resolution" = bundler ] && module=esnext
  echo "types with moduleResolution $resolution"
  npx tsc -p typescript --module "$module" --moduleResolution "$resolution"
  [ "$resolution" = bundler ] || npx tsc -p commonjs --module "$module" --moduleResolution "$resolution"
done

for kind in typescript/infra.mjs commonjs/infra.cjs; do
  echo "cdk synth of $kind"
  npx cdk synth --quiet --app "node $kind" --output "cdk.out.${kind%%/*}"
done
node run.mjs
