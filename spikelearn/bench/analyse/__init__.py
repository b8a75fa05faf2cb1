"""What came out, in numbers: results, statistics, and verdicts on claims."""
