# Records what metafor makes of the rows in metafor_input.csv; see README.md.
library(metafor)
rows <- read.csv("tests/golden/metafor_input.csv")
one <- function(cell) {
  made <- do.call(rbind, lapply(c("PM", "DL"), function(estimator) {
    fit <- rma(yi = cell$difference, vi = cell$variance, method = estimator, test = "knha",
               control = list(maxiter = 1000, tol = 1e-12))
    floor <- rma(yi = cell$difference, vi = cell$variance, method = estimator, test = "adhoc",
                 control = list(maxiter = 1000, tol = 1e-12))
    # Higgins, Thompson and Spiegelhalter: t with k - 2 degrees of freedom.
    reach <- qt(0.975, fit$k - 2) * sqrt(floor$se^2 + fit$tau2)
    data.frame(task = cell$task[1], method = cell$method[1], estimator = estimator, k = fit$k,
               value = as.numeric(fit$beta), tau2 = fit$tau2, q = fit$QE,
               low = fit$ci.lb, high = fit$ci.ub, floor_low = floor$ci.lb,
               floor_high = floor$ci.ub, next_low = as.numeric(floor$beta) - reach,
               next_high = as.numeric(floor$beta) + reach)
  }))
  made
}
cells <- split(rows, paste(rows$method, rows$task))
result <- do.call(rbind, lapply(cells[sapply(cells, nrow) > 2], one))
options(digits = 12)
write.csv(format(result, digits = 12), "tests/golden/metafor.csv", row.names = FALSE, quote = FALSE)
