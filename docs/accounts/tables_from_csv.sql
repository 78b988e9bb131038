-- Made by `make docs` from the contracts. The tables of the star as views over the files of exports/accounts: run it where
-- these lie, or SET file_search_path. Types are declared: sniffed, amounts are doubles, which lose digits.
SET TimeZone = 'UTC';
CREATE SCHEMA IF NOT EXISTS accounts;

CREATE OR REPLACE VIEW accounts.dim_currency AS FROM read_csv(
  'dim_currency.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    currency_key: 'BIGINT',
    currency: 'VARCHAR',
    first_seen: 'DATE',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.dim_date AS FROM read_csv(
  'dim_date.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    date_key: 'BIGINT',
    date: 'DATE',
    year: 'BIGINT',
    quarter: 'BIGINT',
    month: 'BIGINT',
    iso_year: 'BIGINT',
    week: 'BIGINT',
    day: 'BIGINT',
    weekday: 'BIGINT',
    is_weekend: 'BOOLEAN',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.dim_user AS FROM read_csv(
  'dim_user.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    user_version_key: 'BIGINT',
    user_key: 'BIGINT',
    user_id: 'VARCHAR',
    level: 'BIGINT',
    jurisdiction: 'VARCHAR',
    valid_from: 'TIMESTAMPTZ',
    valid_to: 'TIMESTAMPTZ',
    is_current: 'BOOLEAN',
    is_inferred: 'BOOLEAN',
    is_erased: 'BOOLEAN',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.fact_currency_day AS FROM read_csv(
  'fact_currency_day.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    kind: 'VARCHAR',
    currency_key: 'BIGINT',
    currency: 'VARCHAR',
    date: 'DATE',
    date_key: 'BIGINT',
    n: 'BIGINT',
    amount: 'DECIMAL(38, 18)',
    users: 'BIGINT',
    n_all_statuses: 'BIGINT',
    amount_all_statuses: 'DECIMAL(38, 18)',
    users_all_statuses: 'BIGINT',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.fact_event AS FROM read_csv(
  'fact_event.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    id: 'VARCHAR',
    user_key: 'BIGINT',
    date_key: 'BIGINT',
    date: 'DATE',
    event_name: 'VARCHAR',
    is_login: 'BOOLEAN',
    event_ts: 'TIMESTAMPTZ',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.fact_transaction AS FROM read_csv(
  'fact_transaction.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    kind: 'VARCHAR',
    id: 'VARCHAR',
    user_key: 'BIGINT',
    currency_key: 'BIGINT',
    currency: 'VARCHAR',
    date_key: 'BIGINT',
    date: 'DATE',
    status: 'VARCHAR',
    amount: 'DECIMAL(38, 18)',
    interface: 'VARCHAR',
    event_ts: 'TIMESTAMPTZ',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.fact_user_day AS FROM read_csv(
  'fact_user_day.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    user_key: 'BIGINT',
    date: 'DATE',
    date_key: 'BIGINT',
    deposits: 'BIGINT',
    deposits_all_statuses: 'BIGINT',
    withdrawals: 'BIGINT',
    withdrawals_all_statuses: 'BIGINT',
    logins: 'BIGINT',
    events: 'BIGINT',
    deposits_to_date: 'BIGINT',
    deposits_all_statuses_to_date: 'BIGINT',
    withdrawals_to_date: 'BIGINT',
    withdrawals_all_statuses_to_date: 'BIGINT',
    logins_to_date: 'BIGINT',
    last_login: 'TIMESTAMPTZ',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);


CREATE OR REPLACE VIEW accounts.users_for_marketing AS FROM read_csv(
  'users_for_marketing.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '',
  allow_quoted_nulls = false, columns = {
    user_key: 'BIGINT',
    level: 'BIGINT',
    jurisdiction: 'VARCHAR',
    first_active: 'DATE',
    last_active: 'DATE',
    days_active: 'BIGINT',
    last_login: 'DATE',
    logins: 'BIGINT',
    deposits: 'BIGINT',
    withdrawals: 'BIGINT',
    loaded_at: 'TIMESTAMPTZ',
    record_source: 'VARCHAR'
  }
);
