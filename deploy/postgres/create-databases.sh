#!/bin/sh
# Run once by the PostgreSQL image, when it has created its cluster: the role of the services, and its databases.
set -eu

psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv password MINUET_DATABASE_PASSWORD
create role minuet with login nosuperuser nocreatedb nocreaterole password :'password';
\connect template1
create extension if not exists pg_stat_statements;
SQL

for database in $MINUET_DATABASES; do
    psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --set=database="$database" <<'SQL'
create database :"database" owner minuet;
revoke connect on database :"database" from public;
SQL
done
