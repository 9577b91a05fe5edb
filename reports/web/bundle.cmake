# Bundles main.js and the packages of package-lock.json into one file:
#   cmake -DSOURCE=reports/web -DWORK=folder -DOUTPUT=charts.js -P bundle.cmake
# Where that cannot be done the build goes on: the file then holds the reason
# after "//", and reports carry tables and say it.
function(give_up reason)
  message(STATUS "Reports of this build have tables, but no charts: ${reason}")
  file(WRITE ${OUTPUT} "//${reason}\n")
endfunction()

find_program(NPM npm)
find_program(NODE node)
if(NOT NPM OR NOT NODE)
  give_up("npm was not installed when kvplan was built")
  return()
endif()
file(COPY ${SOURCE}/package.json ${SOURCE}/package-lock.json ${SOURCE}/main.js DESTINATION ${WORK})
execute_process(
  COMMAND ${NPM} ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1
  WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE why TIMEOUT 300)
if(failed)
  message(STATUS "${why}")
  give_up("npm could not fetch the chart library when kvplan was built")
  return()
endif()
execute_process(
  COMMAND ${NODE} node_modules/esbuild/bin/esbuild main.js --bundle --minify --format=esm --legal-comments=none
          --log-level=error --outfile=${OUTPUT}
  WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed ERROR_VARIABLE why)
if(failed)
  message(STATUS "${why}")
  give_up("esbuild could not bundle the chart library when kvplan was built")
endif()
