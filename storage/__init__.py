"""What is kept: tables, one repository per aggregate, migrations."""
