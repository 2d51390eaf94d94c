"""`ringside calls export`: the calls of some days as files, for those who ask more than the record answers.

columns     calls and what was said in them, as rows of flat tables
writers     JSON Lines, CSV and Parquet
reading     the calls of a day, whole, several at a time
folder      a file for each day, and which days are done
progress    how far it is
"""
