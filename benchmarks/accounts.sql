-- The tables of the star, as DuckDB makes them.
-- table fact_transaction
WITH both_kinds AS (
    SELECT 'deposit' AS kind, *, 'accounts.deposits' AS record_source FROM accounts.deposits
    UNION ALL BY NAME
    SELECT 'withdrawal' AS kind, *, 'accounts.withdrawals' AS record_source FROM accounts.withdrawals
)
SELECT kind, id, user_key, (hash(currency) >> 1)::BIGINT AS currency_key, currency,
    year(event_ts) * 10000 + month(event_ts) * 100 + day(event_ts) AS date_key, event_ts::DATE AS date,
    status, amount, interface, event_ts, known_ts AS loaded_at, record_source
FROM both_kinds

-- table fact_event
SELECT id, user_key, year(event_ts) * 10000 + month(event_ts) * 100 + day(event_ts) AS date_key, event_ts::DATE AS date,
    event_name, event_name IN ('login', 'login_api', '2falogin') AS is_login, event_ts, known_ts AS loaded_at,
    'accounts.events' AS record_source
FROM accounts.events

-- table fact_user_day
WITH t AS (
    SELECT user_key, date,
        count(*) FILTER (kind = 'deposit' AND status = 'complete') AS deposits,
        count(*) FILTER (kind = 'deposit') AS deposits_all_statuses,
        count(*) FILTER (kind = 'withdrawal' AND status = 'complete') AS withdrawals,
        count(*) FILTER (kind = 'withdrawal') AS withdrawals_all_statuses,
        max(loaded_at) AS loaded_at
    FROM accounts.fact_transaction GROUP BY ALL
),
e AS (
    SELECT user_key, date, count(*) FILTER (is_login) AS logins, count(*) AS events,
        max(event_ts) FILTER (is_login) AS last_login, max(loaded_at) AS loaded_at
    FROM accounts.fact_event GROUP BY ALL
),
days AS (
    SELECT user_key, date, coalesce(deposits, 0) AS deposits, coalesce(deposits_all_statuses, 0) AS deposits_all_statuses,
        coalesce(withdrawals, 0) AS withdrawals, coalesce(withdrawals_all_statuses, 0) AS withdrawals_all_statuses,
        coalesce(logins, 0) AS logins, coalesce(events, 0) AS events, last_login,
        greatest(t.loaded_at, e.loaded_at) AS loaded_at
    FROM t FULL JOIN e USING (user_key, date)
)
SELECT user_key, date, year(date) * 10000 + month(date) * 100 + day(date) AS date_key,
    deposits, deposits_all_statuses, withdrawals, withdrawals_all_statuses, logins, events,
    sum(deposits) OVER so_far AS deposits_to_date,
    sum(deposits_all_statuses) OVER so_far AS deposits_all_statuses_to_date,
    sum(withdrawals) OVER so_far AS withdrawals_to_date,
    sum(withdrawals_all_statuses) OVER so_far AS withdrawals_all_statuses_to_date,
    sum(logins) OVER so_far AS logins_to_date,
    max(last_login) OVER so_far AS last_login,
    max(loaded_at) OVER so_far AS loaded_at,
    concat_ws(', ', CASE WHEN deposits_all_statuses > 0 THEN 'accounts.deposits' END,
        CASE WHEN withdrawals_all_statuses > 0 THEN 'accounts.withdrawals' END,
        CASE WHEN events > 0 THEN 'accounts.events' END) AS record_source
FROM days
WINDOW so_far AS (PARTITION BY user_key ORDER BY date)

-- table fact_currency_day
SELECT kind, currency_key, any_value(currency) AS currency, date, any_value(date_key) AS date_key,
    count(*) FILTER (status = 'complete') AS n, coalesce(sum(amount) FILTER (status = 'complete'), 0) AS amount,
    count(DISTINCT user_key) FILTER (status = 'complete') AS users, count(*) AS n_all_statuses,
    sum(amount) AS amount_all_statuses, count(DISTINCT user_key) AS users_all_statuses, max(loaded_at) AS loaded_at,
    any_value(record_source) AS record_source
FROM accounts.fact_transaction GROUP BY kind, currency_key, date

-- table seen_users
WITH seen AS (
    SELECT user_key, user_id, event_ts, known_ts, 'accounts.deposits' AS record_source FROM accounts.deposits
    UNION ALL SELECT user_key, user_id, event_ts, known_ts, 'accounts.withdrawals' FROM accounts.withdrawals
    UNION ALL SELECT user_key, user_id, event_ts, known_ts, 'accounts.events' FROM accounts.events
)
SELECT user_key, user_id, min(event_ts) AS first_seen, arg_min(known_ts, event_ts) AS loaded_at,
    arg_min(record_source, event_ts) AS record_source
FROM seen GROUP BY user_key, user_id

-- table dim_user
WITH told AS (
    SELECT user_key, user_id, known_ts, true AS is_listed FROM accounts.users
    UNION ALL SELECT user_key, user_id, known_ts, false FROM accounts.user_levels
    UNION ALL SELECT user_key, user_id, loaded_at, false FROM accounts.seen_users
),
members AS (
    SELECT user_key, min(user_id) AS user_id, NOT bool_or(is_listed) AS is_inferred, max(known_ts) AS loaded_at
    FROM told GROUP BY user_key
),
held AS (
    SELECT user_key, TIMESTAMPTZ '1970-01-01' AS valid_from, NULL AS level, NULL AS jurisdiction, NULL AS event_ts FROM members
    UNION ALL SELECT user_key, greatest(event_ts, TIMESTAMPTZ '1970-01-01'), level, jurisdiction, event_ts
    FROM accounts.user_levels
),
one_an_instant AS (
    SELECT * FROM held QUALIFY row_number() OVER (
        PARTITION BY user_key, valid_from
        ORDER BY event_ts DESC NULLS LAST, level DESC NULLS LAST, jurisdiction DESC NULLS LAST) = 1
),
changed AS (
    SELECT * FROM one_an_instant WINDOW w AS (PARTITION BY user_key ORDER BY valid_from)
    QUALIFY row_number() OVER w = 1
        OR level IS DISTINCT FROM lag(level) OVER w OR jurisdiction IS DISTINCT FROM lag(jurisdiction) OVER w
)
SELECT (hash(user_key, valid_from) >> 1)::BIGINT AS user_version_key, user_key, user_id, level, jurisdiction, valid_from,
    lead(valid_from, 1, TIMESTAMPTZ '9999-12-31') OVER (PARTITION BY user_key ORDER BY valid_from) AS valid_to,
    is_inferred, loaded_at
FROM changed JOIN members USING (user_key)
UNION ALL BY NAME SELECT 0 AS user_version_key, 0 AS user_key
