#!/bin/sh
# Bring the catalog of one instance into another, in one transaction: bring_back.sh FROM INTO, each the address of its database `catalog`
# for an administrator. README.md says when.
set -eu

for address in "$1" "$2"; do
  psql --quiet --set ON_ERROR_STOP=1 --dbname "$address" --command 'GRANT cryptodudez_owner TO CURRENT_USER'
done
dump=$(mktemp)
trap 'rm -f "$dump"' EXIT
pg_dump --role cryptodudez_owner --table 'public.*' --no-owner --no-privileges --clean --if-exists --file "$dump" "$1"
psql --quiet --set ON_ERROR_STOP=1 --single-transaction --command 'SET ROLE cryptodudez_owner' --file "$dump" --dbname "$2"
