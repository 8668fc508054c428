"""The parts of the page, a file each: a function from a report to sections.

To add one, write such a function and its template, and name it in `reports.pages.page.SECTIONS`. A
table needs neither: name it in `reports.pages.report.TABLES`.
"""
