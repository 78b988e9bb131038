"""The study of trends: does anything that is tweeted go with what prices do, days before or after? All pairs, not the famous one."""
