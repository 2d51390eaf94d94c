// Adds a row for each call to the first sheet of a Google spreadsheet; spreadsheet.yaml sends them.
//
// In the spreadsheet: Extensions, Apps Script. Paste this, put a long random text of your own into TOKEN, then
// Deploy, New deployment, Web app, executed as you, access for anyone. The URL that it shows is the parameter Url.
const TOKEN = '';

function doPost(request) {
  const { token, row } = JSON.parse(request.postData.contents);
  if (!TOKEN || token !== TOKEN) return ContentService.createTextOutput('wrong token');
  const lock = LockService.getScriptLock();
  lock.waitLock(20000);
  try {
    const sheet = SpreadsheetApp.getActiveSpreadsheet().getSheets()[0];
    // A call may come twice; its id is the first cell.
    if (!sheet.createTextFinder(row[0]).matchEntireCell(true).findNext()) sheet.appendRow(row);
    SpreadsheetApp.flush();
  } finally {
    lock.releaseLock();
  }
  return ContentService.createTextOutput('ok');
}
