"""Scripts that measure this package: ``README.md`` lists them and says how to run one."""
