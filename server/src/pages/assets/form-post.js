// Sends the one form of the page. Without script a button does.
document.forms[0]?.submit();
