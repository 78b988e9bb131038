-- Lets the workloads of the stack into its databases, once, as a user who may create roles: psql -v project=PROJECT -f databases.sql
-- One role owns everything. Each workload may become it, and does so by its address, so that what one creates the others can use.
\set ON_ERROR_STOP on

SELECT 'CREATE ROLE cryptodudez_owner NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cryptodudez_owner') \gexec

SELECT format('GRANT cryptodudez_owner TO %I', name)
FROM unnest(ARRAY['webserver', 'daemon', 'code', 'run', 'serving', 'recorder', 'spark']) AS workload,
     format('cryptodudez-%s@%s.iam', workload, :'project') AS name
WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

SELECT format('GRANT ALL ON DATABASE %I TO cryptodudez_owner', name)
FROM unnest(ARRAY['catalog', 'dagster', 'online', 'notifications']) AS name \gexec

\connect catalog
GRANT ALL ON SCHEMA public TO cryptodudez_owner;
\connect dagster
GRANT ALL ON SCHEMA public TO cryptodudez_owner;
\connect online
GRANT ALL ON SCHEMA public TO cryptodudez_owner;
\connect notifications
GRANT ALL ON SCHEMA public TO cryptodudez_owner;
